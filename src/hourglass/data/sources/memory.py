"""Memory that one block leaves to the next."""

import numpy as np

#: Bytes that a block and what becomes of it take.
_TAKEN = 2**24


def keep() -> None:
    """Have memory of a block that is done ready for the next one, instead of cleared by the system page by page.

    glibc holds on to twice the largest block that was ever freed (`mallopt(3)`, ``M_MMAP_THRESHOLD``), so one is freed
    that nothing was written to. Other allocators know no better or worse for it.
    """
    np.empty(_TAKEN, np.uint8)
