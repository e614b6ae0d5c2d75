# Machines of a managed instance group, beside agent.hcl where policies/clients.hcl is enabled: without
# credentials of Google's the autoscaler does not start. On a VM they are those of its service account.

target "gce-mig" {
  driver = "gce-mig"
}
