"""The pages of docs/: generated ones, the site, and what they claim."""
