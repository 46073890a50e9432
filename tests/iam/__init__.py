"""What the parts ask of AWS, held against what their roles allow."""
