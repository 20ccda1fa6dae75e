"""The commands, by subject. `ocean_cli.main` names them."""
