"""The only door to AWS: the account, which functions are meant, and the permissions needed."""
