"""The ledger: packages, MLflow runs, versions and the champion."""
