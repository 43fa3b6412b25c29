#!/bin/sh
# Run inside an image that is what its packages are.
