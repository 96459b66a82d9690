"""What has happened on an account: its deals and finished orders, read as they come and added up."""
