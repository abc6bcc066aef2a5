"""The explorer: one HTML file in which the decoder runs while people drag through the latent space."""
