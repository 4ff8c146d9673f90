"""What `terraced` does beside running: one file per subcommand, each with `add_parser(commands)` and `run(...)`."""
