# The autoscaler: reads the job's scaling block and policies/, asks Prometheus, and sets counts. It runs
# beside an agent of Nomad, and shows that one's certificate.

log_level = "INFO"
log_json  = true

# Health, and its own metrics at /v1/metrics?format=prometheus.
http {
  bind_address = "127.0.0.1"
  bind_port    = 8686
}

telemetry {
  prometheus_metrics = true
  disable_hostname   = true
}

# The token, which policy.hcl says the rights of, comes in the environment: NOMAD_TOKEN.
nomad {
  address     = "https://127.0.0.1:4646"
  region      = "global"
  ca_cert     = "/etc/nomad.d/tls/ca.pem"
  client_cert = "/etc/nomad.d/tls/agent.pem"
  client_key  = "/etc/nomad.d/tls/agent.key"
}

# With Nomad 1.7 or newer, whose variables have locks, several may run and one of them acts. Before that
# run one: two would do everything twice.
high_availability {
  enabled        = false
  lock_namespace = "default"
  lock_path      = "nomad-autoscaler/lock"
  lock_ttl       = "30s"
  lock_delay     = "15s"
}

policy {
  dir = "/etc/nomad-autoscaler.d/policies"

  # When a policy says nothing else.
  default_cooldown            = "2m"
  default_evaluation_interval = "15s"
}

apm "prometheus" {
  driver = "prometheus"

  config = {
    address = "http://127.0.0.1:9090"
  }
}

target "nomad" {
  driver = "nomad-target"
}

strategy "target-value" {
  driver = "target-value"
}

strategy "threshold" {
  driver = "threshold"
}
