"""Starting the nodes together: launch files and what comes with them."""
