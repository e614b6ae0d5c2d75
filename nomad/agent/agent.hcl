# Of servers and clients alike, in /etc/nomad.d beside server.hcl or client.hcl. What differs by place
# (region, datacenter, name, addresses, zone) and every secret is in files of their own there; the
# agent merges all of them.

data_dir = "/var/lib/nomad"

# The log is the journal's; nothing is asked of the vendor.
log_level            = "INFO"
log_json             = true
disable_update_check = true

# Nobody does anything without a token but ask for metrics and health.
acl {
  enabled = true
}

# Each agent shows a certificate of the cluster's own authority, of the name
# server.REGION.nomad or client.REGION.nomad, and so does whoever speaks to its API.
tls {
  http = true
  rpc  = true

  ca_file   = "/etc/nomad.d/tls/ca.pem"
  cert_file = "/etc/nomad.d/tls/agent.pem"
  key_file  = "/etc/nomad.d/tls/agent.key"

  # A client's certificate makes no server.
  verify_server_hostname = true
  verify_https_client    = true
  tls_min_version        = "tls12"
}

# /v1/metrics?format=prometheus, with a certificate like all of the API.
telemetry {
  prometheus_metrics         = true
  publish_allocation_metrics = true
  publish_node_metrics       = true
  collection_interval        = "5s"
  # The name of the host is Prometheus's label instance.
  disable_hostname = true
}
