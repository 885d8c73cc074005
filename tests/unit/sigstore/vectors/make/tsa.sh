#!/bin/sh
# Makes tsa.reply (granted) and tsa.refused beside this directory with OpenSSL:
#	sh tsa.sh ..
set -eu
out=$(cd "$1" && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat > conf <<'CONF'
[req]
distinguished_name = dn
[dn]
[ext]
extendedKeyUsage = critical,timeStamping
[tsa]
default_tsa = one
[one]
serial = serial
signer_cert = cert.pem
signer_key = key.pem
signer_digest = sha256
default_policy = 1.3.6.1.4.1.57264.2
digests = sha256
CONF
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out cert.pem \
	-subj /CN=vectors -days 3650 -config conf -extensions ext 2>/dev/null
echo 01 > serial
echo artifact > data
openssl ts -query -data data -sha256 -cert -out query.tsq -config conf 2>/dev/null
openssl ts -reply -queryfile query.tsq -out "$out/tsa.reply" -config conf 2>/dev/null
openssl ts -query -data data -sha512 -out weak.tsq -config conf 2>/dev/null
openssl ts -reply -queryfile weak.tsq -out "$out/tsa.refused" -config conf 2>/dev/null || true
cp cert.pem "$out/tsa.pem"
