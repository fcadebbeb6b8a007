"""What a credential is, how it is kept, who may use it."""
