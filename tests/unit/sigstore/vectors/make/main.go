// Makes the vectors beside this directory with Rekor's own code: every posted
// body is canonicalised by the module that the log runs, so that what the relay
// believes to survive is held against what does.
//
//	cd tests/unit/sigstore/vectors/make && go run . ..
//
// Keys, certificates and signatures are made anew at each run; times are fixed.
package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-openapi/runtime"
	"github.com/sigstore/rekor/pkg/generated/models"
	"github.com/sigstore/rekor/pkg/types"
	_ "github.com/sigstore/rekor/pkg/types/dsse/v0.0.1"
	_ "github.com/sigstore/rekor/pkg/types/hashedrekord/v0.0.1"
	_ "github.com/sigstore/rekor/pkg/types/intoto/v0.0.1"
	_ "github.com/sigstore/rekor/pkg/types/intoto/v0.0.2"
	_ "github.com/sigstore/rekor/pkg/types/rekord/v0.0.1"
)

const treeID = "0e91b5e4d0f14f3a"

var notBefore = time.Date(2026, 11, 24, 6, 0, 0, 0, time.UTC)

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

type signer struct {
	key  *ecdsa.PrivateKey
	pem  []byte // of the certificate, or of the key
	cert *x509.Certificate
}

func pemOf(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func newKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	return key
}

func newCertificate(key *ecdsa.PrivateKey, ca *signer, life time.Duration) *x509.Certificate {
	san, err := url.Parse("https://github.com/example/project/.github/workflows/release.yml@refs/tags/v1.2.3")
	must(err)
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), NotBefore: notBefore, NotAfter: notBefore.Add(life),
		KeyUsage: x509.KeyUsageDigitalSignature, URIs: []*url.URL{san},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
	}
	parent, parentKey := tmpl, key
	if ca != nil {
		parent, parentKey = ca.cert, ca.key
	} else {
		tmpl.Subject = pkix.Name{CommonName: "vectors"}
		tmpl.IsCA, tmpl.BasicConstraintsValid, tmpl.KeyUsage = true, true, x509.KeyUsageCertSign
		tmpl.URIs = nil
		tmpl.ExtKeyUsage = nil
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, key.Public(), parentKey)
	must(err)
	cert, err := x509.ParseCertificate(der)
	must(err)
	return cert
}

func certSigner(ca *signer, life time.Duration) *signer {
	key := newKey()
	cert := newCertificate(key, ca, life)
	return &signer{key, pemOf("CERTIFICATE", cert.Raw), cert}
}

func keySigner() *signer {
	key := newKey()
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	must(err)
	return &signer{key, pemOf("PUBLIC KEY", der), nil}
}

func (s *signer) sign(digest []byte) []byte {
	sig, err := s.key.Sign(rand.Reader, digest, crypto.SHA256)
	must(err)
	return sig
}

func (s *signer) signMessage(m []byte) []byte {
	d := sha256.Sum256(m)
	return s.sign(d[:])
}

func b64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

type object = map[string]any

func hashedrekord(s *signer, pemText []byte, algorithm string, digest []byte) object {
	opts := crypto.SignerOpts(crypto.SHA256)
	if algorithm == "sha512" {
		opts = crypto.SHA512
	}
	sig, err := s.key.Sign(rand.Reader, digest, opts)
	must(err)
	return object{"kind": "hashedrekord", "apiVersion": "0.0.1", "spec": object{
		"data":      object{"hash": object{"algorithm": algorithm, "value": hex.EncodeToString(digest)}},
		"signature": object{"content": b64(sig), "publicKey": object{"content": b64(pemText)}},
	}}
}

const payloadType = "application/vnd.in-toto+json"

var payload = []byte(`{"_type":"https://in-toto.io/Statement/v0.1","predicateType":"https://slsa.dev/provenance/v0.2","subject":[{"name":"image","digest":{"sha256":"4b227777d4dd1fc61c6f884f48641d02b4d121d3fd328cb08b5531fcacdabf8a"}}],"predicate":{}}`)

func pae() []byte {
	return []byte(fmt.Sprintf("DSSEv1 %d %s %d %s", len(payloadType), payloadType, len(payload), payload))
}

func envelope(signers ...*signer) (object, []byte) {
	sigs := []object{}
	for _, s := range signers {
		sigs = append(sigs, object{"keyid": "", "sig": b64(s.signMessage(pae()))})
	}
	env := object{"payloadType": payloadType, "payload": b64(payload), "signatures": sigs}
	text, err := json.Marshal(env)
	must(err)
	return env, text
}

func dsse(signers ...*signer) object {
	_, text := envelope(signers...)
	verifiers := []string{}
	for _, s := range signers {
		verifiers = append(verifiers, b64(s.pem))
	}
	return object{"kind": "dsse", "apiVersion": "0.0.1", "spec": object{
		"proposedContent": object{"envelope": string(text), "verifiers": verifiers}}}
}

// One verifier more than the signatures need: the log drops it.
func dsseSpare(s, spare *signer) object {
	o := dsse(s)
	p := o["spec"].(object)["proposedContent"].(object)
	p["verifiers"] = append(p["verifiers"].([]string), b64(spare.pem))
	return o
}

func intoto001(s *signer) object {
	_, text := envelope(s)
	return object{"kind": "intoto", "apiVersion": "0.0.1", "spec": object{
		"content": object{"envelope": string(text)}, "publicKey": b64(s.pem)}}
}

func intoto002(s *signer) object {
	env, text := envelope(s)
	sig := env["signatures"].([]object)[0]["sig"].(string)
	h := sha256.Sum256(text)
	return object{"kind": "intoto", "apiVersion": "0.0.2", "spec": object{"content": object{
		"envelope": object{"payloadType": payloadType, "payload": b64([]byte(b64(payload))),
			"signatures": []object{{"keyid": "", "sig": b64([]byte(sig)), "publicKey": b64(s.pem)}}},
		"hash": object{"algorithm": "sha256", "value": hex.EncodeToString(h[:])}}}}
}

func rekord(s *signer) object {
	data := []byte("the artifact itself\n")
	return object{"kind": "rekord", "apiVersion": "0.0.1", "spec": object{
		"data": object{"content": b64(data)},
		"signature": object{"format": "x509", "content": b64(s.signMessage(data)),
			"publicKey": object{"content": b64(s.pem)}}}}
}

func canonical(posted []byte) []byte {
	pe, err := models.UnmarshalProposedEntry(bytes.NewReader(posted), runtime.JSONConsumer())
	must(err)
	entry, err := types.CreateVersionedEntry(pe)
	must(err)
	leaf, err := types.CanonicalizeEntry(context.Background(), entry)
	must(err)
	return leaf
}

func node(prefix byte, parts ...[]byte) []byte {
	h := sha256.New()
	h.Write([]byte{prefix})
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}

// The largest power of two below n (RFC 6962 2.1).
func split(n int) int {
	k := 1
	for k*2 < n {
		k *= 2
	}
	return k
}

func root(leaves [][]byte) []byte {
	if len(leaves) == 1 {
		return leaves[0]
	}
	k := split(len(leaves))
	return node(1, root(leaves[:k]), root(leaves[k:]))
}

func path(m int, leaves [][]byte) []string {
	if len(leaves) == 1 {
		return []string{}
	}
	k := split(len(leaves))
	if m < k {
		return append(path(m, leaves[:k]), hex.EncodeToString(root(leaves[k:])))
	}
	return append(path(m-k, leaves[k:]), hex.EncodeToString(root(leaves[:k])))
}

func logEntry(body []byte, index int, leaves [][]byte) []byte {
	r := root(leaves)
	logID := strings.Repeat("c0", 32)
	global, local, size := int64(25579+index), int64(index), int64(len(leaves))
	integrated := notBefore.Add(3 * time.Minute).Unix()
	rootHash := hex.EncodeToString(r)
	checkpoint := fmt.Sprintf("rekor.example - 1049812374859177786\n%d\n%s\n\n— rekor.example wNI9ajBFAiEA\n", size, b64(r))
	anon := models.LogEntryAnon{Body: body, IntegratedTime: &integrated, LogID: &logID, LogIndex: &global,
		Verification: &models.LogEntryAnonVerification{
			SignedEntryTimestamp: []byte("not checked by the relay"),
			InclusionProof: &models.InclusionProof{Checkpoint: &checkpoint, Hashes: path(index, leaves),
				LogIndex: &local, RootHash: &rootHash, TreeSize: &size}}}
	text, err := json.Marshal(models.LogEntry{treeID + hex.EncodeToString(node(0, body)): anon})
	must(err)
	return append(text, '\n')
}

func write(dir, name string, b []byte) { must(os.WriteFile(filepath.Join(dir, name), b, 0o644)) }

func main() {
	dir := os.Args[1]
	ca := &signer{key: newKey()}
	ca.cert = newCertificate(ca.key, nil, 87600*time.Hour)
	ca.pem = pemOf("CERTIFICATE", ca.cert.Raw)
	cert, short, key := certSigner(ca, 10*time.Minute), certSigner(ca, 5*time.Minute), keySigner()
	digest, long := sha256.Sum256([]byte("artifact")), sha512.Sum512([]byte("artifact"))
	// The same certificate as other clients write it: the log writes it anew.
	odd := append([]byte("\n"), bytes.ReplaceAll(cert.pem, []byte("\n"), []byte("\r\n"))...)
	chain := append(append([]byte{}, cert.pem...), ca.pem...)
	posted := []struct {
		name string
		body object
	}{
		{"hashedrekord", hashedrekord(cert, odd, "sha256", digest[:])},
		{"hashedrekord_key", hashedrekord(key, key.pem, "sha256", digest[:])},
		{"hashedrekord_sha512", hashedrekord(cert, cert.pem, "sha512", long[:])},
		{"hashedrekord_chain", hashedrekord(cert, chain, "sha256", digest[:])},
		{"dsse", dsse(cert)},
		{"dsse_two", dsse(cert, short)},
		{"dsse_spare", dsseSpare(cert, short)},
		{"intoto001", intoto001(cert)},
		{"intoto002", intoto002(cert)},
		{"rekord", rekord(cert)},
	}
	bodies, leaves := [][]byte{}, [][]byte{}
	for _, p := range posted {
		text, err := json.Marshal(p.body)
		must(err)
		write(dir, p.name+".posted.json", text)
		bodies = append(bodies, canonical(text))
		leaves = append(leaves, node(0, bodies[len(bodies)-1]))
	}
	leaves = append(leaves, node(0, []byte("an eleventh, so that the tree is lopsided")))
	all := []json.RawMessage{}
	for i, p := range posted {
		text := logEntry(bodies[i], i, leaves)
		write(dir, p.name+".entry.json", text)
		all = append(all, text)
	}
	write(dir, "single.entry.json", logEntry(bodies[0], 0, leaves[:1]))
	list, err := json.Marshal(all[:3])
	must(err)
	write(dir, "retrieve.json", list)
	write(dir, "key.pem", key.pem)
	write(dir, "chain.pem", chain)
	v2, err := json.Marshal(object{"signedCertificateEmbeddedSct": object{"chain": object{
		"certificates": []string{string(cert.pem), string(ca.pem)}}}})
	must(err)
	write(dir, "signingCert.v2.json", v2)
}
