"""What the measures of a code warn of, in words that name the remedy; the one place for them."""

from collections.abc import Mapping

POSTERIOR_COLLAPSED = "posterior_collapsed"
UNITS_IDLE = "units_idle"

#: Remedies of Kingma et al. 2016 (free bits), Bowman et al. 2016 (warm-up) and Fu et al. 2019 (cycles);
#: docs/posterior-collapse.md has them side by side.
WORDS = {
    POSTERIOR_COLLAPSED: (
        "the posterior collapsed: codes say nothing of their rows; give the variant free_bits, lengthen "
        "train.kl_warmup, let the weight rise in train.kl_cycles, lower its beta, or give decoder_hidden fewer layers"
    ),
    UNITS_IDLE: (
        "fewer than half of the latent units are active; latent is wider than the data needs (auto finds a width), or "
        "free_bits is needed"
    ),
}

#: Nats below which a code says nothing; one that tells two halves of the rows apart says 0.69.
_NO_INFORMATION = 0.05


def of_code(code: Mapping[str, float]) -> list[str]:
    """Name what is wrong with a posterior, by keys of `WORDS`.

    Parameters
    ----------
    code : mapping
        As `diagnostics.posterior` gives it; one without these measures warns of nothing.
    """
    if "active_units" not in code:
        return []
    if code["active_units"] == 0 or code["mutual_information"] < _NO_INFORMATION:
        return [POSTERIOR_COLLAPSED]
    units = sum(name.startswith("kl_") for name in code)
    return [UNITS_IDLE] if code["active_units"] < units / 2 else []
