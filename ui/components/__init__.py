"""Parts of the page; each draws what it is given and reports what the user did."""
