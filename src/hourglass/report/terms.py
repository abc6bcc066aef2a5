"""The terms of a loss in words, as the curves of the report are called."""

#: Of each term its name in print, and what it says of a row unless it says something else.
_TERMS = {
    "amplitude": ("Amplitude", "squared error of the spectra's amplitudes, a row"),
    "bound": ("Bound", "importance-weighted bound on the negative log-likelihood, nats a row"),
    "clean": ("Clean", "the cost of clean rows, which training doesn't see"),
    "code": ("Code", "half the squared length of a code"),
    "commitment": ("Commitment", "squared distance of a code from the entries that stand for it"),
    "dead": ("Dead", "units that no row has activated for long; measured, no part of the loss"),
    "deception": ("Deception", "what the encoder pays for codes that the discriminator tells from the prior"),
    "decoded": ("Decoded", "the cost of what codes alone are decoded into"),
    "discriminator": ("Discriminator", "its cross-entropy; 0.693 (ln 2) where it can only guess"),
    "excess": ("Excess", "nats between the KL and the capacity that it is brought to"),
    "gradient": ("Gradient", "squared change of the decoded row with its code"),
    "index_code_mi": ("Index-code information", "nats that a code says about its row, estimated on a batch"),
    "jacobian": ("Jacobian", "squared change of the code with its row, relative to the codes' variance"),
    "kl": ("KL", "nats a row: what a code says about its row"),
    "kl_above_free": ("KL above the free bits", "nats a row, the part that is weighed"),
    "kl_sparsity": ("KL of the rates", "nats between the units' mean activities and the one asked for"),
    "l0": ("L0", "active units of a row; measured, no part of the loss"),
    "l1": ("L1", "a row's activities together, in times of what is usual"),
    "mmd": ("MMD", "squared maximum mean discrepancy of codes and the prior"),
    "prior": ("Prior", "nats a row by which the Transformer misses which entries follow which"),
    "revival": ("Revival", "pull on dead units; 0 where none is dead"),
    "slope": ("Slope", "squared slope of the discriminator on the prior"),
    "total_correlation": ("Total correlation", "nats that the units of a code say about each other"),
    "unit_kl": ("KL of the units", "nats of each unit by itself to the prior, all together"),
}


def caption(term: str, likelihood: str) -> tuple[str, str]:
    """Give the name of a term in print and what it is; nothing of one that isn't known."""
    if term == "reconstruction":
        cost = "sum of squared errors" if likelihood == "mse" else "negative log-likelihood in nats"
        return f"Reconstruction ({likelihood})", f"{cost} a row"
    return _TERMS.get(term, (term.replace("_", " ").capitalize(), ""))
