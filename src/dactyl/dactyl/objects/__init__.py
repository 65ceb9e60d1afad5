"""What is manipulated: shapes and their symmetries."""
