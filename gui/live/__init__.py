"""What keeps a screen current: topics are read from the daemon, differences go to the tabs that look."""
