"""What state would cost the service: PostgreSQL with pgbouncer, and etcd, on hosts of a lab under the load of
simulated VMs. Measured for docs/persistence.md by `script/figures persistence`."""
