"""How the panel bears 200 groups that change twice a second: `make panel-load`."""
