"""What variants are built from: batches and terms, nets, likelihoods, divergences."""
