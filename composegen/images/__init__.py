"""What is known of images: their names, facts and Dockerfiles."""
