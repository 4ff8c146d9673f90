"""One file per noun of the command line. Each imports its own generated code, inside its functions."""
