"""One loop that trains every variant; needs torch, numpy and safetensors alone."""
