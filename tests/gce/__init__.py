"""A double of the parts of Google's cloud that the playbooks use: Compute, DNS, Secret Manager and IAM, as a
server on this machine, checked by Google's own schema."""
