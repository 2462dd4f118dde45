"""Who may do what on the web server: addresses, users, tokens, sessions."""
