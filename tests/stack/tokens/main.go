// Command tokens is a token server for the test stack's registry, as the
// distribution project specifies one (Basic credentials in, a JWT out).
//
//	/token?service=&scope=    200 with a token for what the user may do of it, maybe
//	                          for nothing; 401 for a wrong user or password
//	/healthz
//	everything else is the registry's, at --to: clients want the token server of a
//	private address to be at the registry's own
//
// It knows two users, both with the password that PASSWORD holds: `writer` may do
// everything, `reader` may pull. Nobody else may do anything. It makes its key at
// the start and writes its certificate to the file --cert, for the registry's
// rootcertbundle.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"flag"
	"fmt"
	"log"
	"math/big"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"time"
)

type server struct {
	issuer   string
	password string
	key      *ecdsa.PrivateKey
	cert     []byte // DER
}

type access struct {
	Type    string   `json:"type"`
	Name    string   `json:"name"`
	Actions []string `json:"actions"`
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// sign makes a compact ES256 JWS: two 32-byte integers, not ASN.1.
func (s *server) sign(claims map[string]any) (string, error) {
	header, err := json.Marshal(map[string]any{
		"alg": "ES256", "typ": "JWT", "x5c": []string{base64.StdEncoding.EncodeToString(s.cert)},
	})
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	signed := b64(header) + "." + b64(payload)
	digest := sha256.Sum256([]byte(signed))
	r, t, err := ecdsa.Sign(rand.Reader, s.key, digest[:])
	if err != nil {
		return "", err
	}
	var raw [64]byte
	r.FillBytes(raw[:32])
	t.FillBytes(raw[32:])
	return signed + "." + b64(raw[:]), nil
}

// grant keeps of "repository:NAME:ACTION,ACTION" what the user may do.
func grant(user, scope string) (access, bool) {
	kind, rest, _ := strings.Cut(scope, ":")
	at := strings.LastIndex(rest, ":")
	if kind != "repository" || at < 0 {
		return access{}, false
	}
	a := access{Type: kind, Name: rest[:at]}
	for _, action := range strings.Split(rest[at+1:], ",") {
		if user == "writer" || user == "reader" && action == "pull" {
			a.Actions = append(a.Actions, action)
		}
	}
	return a, len(a.Actions) > 0
}

func (s *server) token(w http.ResponseWriter, r *http.Request) {
	user, password, given := r.BasicAuth()
	known := (user == "writer" || user == "reader") &&
		subtle.ConstantTimeCompare([]byte(password), []byte(s.password)) == 1
	if given && !known {
		http.Error(w, `{"errors":[{"code":"UNAUTHORIZED","message":"wrong user or password"}]}`, http.StatusUnauthorized)
		return
	}
	granted := []access{}
	for _, scopes := range r.URL.Query()["scope"] {
		for _, scope := range strings.Fields(scopes) {
			if a, any := grant(user, scope); any {
				granted = append(granted, a)
			}
		}
	}
	log.Printf("user=%q scope=%q granted=%v", user, r.URL.Query()["scope"], granted)
	now := time.Now()
	token, err := s.sign(map[string]any{
		"iss": s.issuer, "sub": user, "aud": r.URL.Query().Get("service"), "access": granted,
		"iat": now.Unix(), "nbf": now.Add(-time.Minute).Unix(), "exp": now.Add(5 * time.Minute).Unix(),
		"jti": fmt.Sprint(now.UnixNano()),
	})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]any{"token": token, "expires_in": 300})
}

func newServer(issuer, password string) (*server, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: issuer},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		IsCA:         true, BasicConstraintsValid: true,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	return &server{issuer: issuer, password: password, key: key, cert: cert}, nil
}

func main() {
	listen := flag.String("listen", "", "address: HOST:PORT")
	to := flag.String("to", "", "the registry's address: HOST:PORT")
	file := flag.String("cert", "", "file that the certificate is written to")
	issuer := flag.String("issuer", "stack", "the tokens' issuer")
	flag.Parse()
	s, err := newServer(*issuer, os.Getenv("PASSWORD"))
	if err != nil {
		log.Fatal(err)
	}
	if s.password == "" || *listen == "" || *to == "" || *file == "" {
		log.Fatal("expected --listen, --to, --cert and a password in PASSWORD")
	}
	bundle := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.cert})
	if err := os.WriteFile(*file, bundle, 0o644); err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("/token", s.token)
	http.Handle("/", httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: *to}))
	http.HandleFunc("/healthz", func(http.ResponseWriter, *http.Request) {})
	log.Fatal(http.ListenAndServe(*listen, nil))
}
