"""What the report shows of a variant's code: what each unit does, and what makes the variant that variant.

Each module asks the package itself whether it has something to show, so a variant needs no entry anywhere.
"""
