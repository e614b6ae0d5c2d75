environment     = "staging"
node_class      = "bcryptd"
count           = 2
count_min       = 2
count_max       = 4
cores           = 1
server_names    = "bcryptd.staging.example.com"
trusted_proxies = ["10.10.0.0/24"]

# script/package makes the package; docs/nomad.md, the archive of its files.
artifact          = "https://artifacts.example.com/bcryptd/bcryptd_0.1.0-1_amd64.tar.gz"
artifact_checksum = "sha256:0000000000000000000000000000000000000000000000000000000000000000"

engine   = "lanes"
lanes    = 3
canaries = 1
