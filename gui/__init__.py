"""The Gradio panel."""
