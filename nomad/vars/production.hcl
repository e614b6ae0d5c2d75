environment     = "production"
node_class      = "bcryptd"
count           = 3
count_min       = 3
count_max       = 20
cores           = 3
server_names    = "bcryptd.example.com"
trusted_proxies = ["10.20.0.0/24"]

# script/package makes the package; docs/nomad.md, the archive of its files.
artifact          = "https://artifacts.example.com/bcryptd/bcryptd_0.1.0-1_amd64.tar.gz"
artifact_checksum = "sha256:0000000000000000000000000000000000000000000000000000000000000000"

engine   = "lanes"
lanes    = 3
canaries = 3
