"""What packages say of their licences, in the terms of SPDX. Pure."""
