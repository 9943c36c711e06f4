"""How well memory finds what is asked for, and how well it keeps silent when there is nothing."""
