// Command oidc is an OpenID Connect issuer for the test stack: it says yes to
// everyone. It serves discovery, its keys, a token endpoint for scripts, and
// one that answers as GitHub's ID-token service does.
//
//	/.well-known/openid-configuration, /keys
//	/token?email=&audience=&lifetime=    the token alone, as text
//	/actions?audience=                   {"count":…,"value":"…"}, for ACTIONS_ID_TOKEN_REQUEST_URL
//	/control/fail?n=&status=             POST: the next n answers of /actions are status
//	/healthz
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"
)

const keyID = "stack"

type issuer struct {
	url      string
	key      *ecdsa.PrivateKey
	lifetime time.Duration
	bearer   string // what /actions wants as its bearer token; empty: any

	mu         sync.Mutex
	failures   int // how many of the next /actions answers fail
	failStatus int
	count      int
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// sign makes a compact ES256 JWS: two 32-byte integers, not ASN.1.
func (i *issuer) sign(claims map[string]any) (string, error) {
	header, err := json.Marshal(map[string]string{"alg": "ES256", "typ": "JWT", "kid": keyID})
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	signed := b64(header) + "." + b64(payload)
	digest := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, i.key, digest[:])
	if err != nil {
		return "", err
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return signed + "." + b64(signature), nil
}

func or(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}

// mint makes a token as the query asks for it.
func (i *issuer) mint(r *http.Request) (string, error) {
	lifetime := i.lifetime
	if text := r.FormValue("lifetime"); text != "" {
		var err error
		if lifetime, err = time.ParseDuration(text); err != nil {
			return "", fmt.Errorf("lifetime=%q: want a duration such as 90s: %w", text, err)
		}
	}
	email := or(r.FormValue("email"), "signer@stack.test")
	now := time.Now()
	return i.sign(map[string]any{
		"iss":            i.url,
		"aud":            or(r.FormValue("audience"), "sigstore"),
		"sub":            or(r.FormValue("sub"), email),
		"email":          email,
		"email_verified": true,
		"nonce":          strconv.FormatInt(now.UnixNano(), 36),
		"iat":            now.Unix(),
		"nbf":            now.Add(-5 * time.Second).Unix(),
		"exp":            now.Add(lifetime).Unix(),
	})
}

func answerJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		log.Printf("answering: %v", err)
	}
}

func (i *issuer) discovery(w http.ResponseWriter, _ *http.Request) {
	answerJSON(w, map[string]any{
		"issuer":                                i.url,
		"jwks_uri":                              i.url + "/keys",
		"token_endpoint":                        i.url + "/token",
		"authorization_endpoint":                i.url + "/authorize",
		"response_types_supported":              []string{"id_token"},
		"subject_types_supported":               []string{"public"},
		"id_token_signing_alg_values_supported": []string{"ES256"},
		"claims_supported":                      []string{"iss", "aud", "sub", "email", "email_verified", "exp", "iat"},
	})
}

func (i *issuer) keys(w http.ResponseWriter, _ *http.Request) {
	var x, y [32]byte
	i.key.X.FillBytes(x[:])
	i.key.Y.FillBytes(y[:])
	answerJSON(w, map[string]any{"keys": []any{map[string]string{
		"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": keyID,
		"x": b64(x[:]), "y": b64(y[:]),
	}}})
}

func (i *issuer) token(w http.ResponseWriter, r *http.Request) {
	token, err := i.mint(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/plain")
	fmt.Fprint(w, token)
}

// takeFailure says with which status this answer has to fail, or 0.
func (i *issuer) takeFailure() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.count++
	if i.failures == 0 {
		return 0
	}
	i.failures--
	return i.failStatus
}

func (i *issuer) actions(w http.ResponseWriter, r *http.Request) {
	if status := i.takeFailure(); status != 0 {
		http.Error(w, "<html>the token service is not well</html>", status)
		return
	}
	got := r.Header.Get("Authorization")
	if i.bearer != "" && got != "Bearer "+i.bearer && got != "bearer "+i.bearer {
		http.Error(w, `{"message":"wrong request token"}`, http.StatusUnauthorized)
		return
	}
	token, err := i.mint(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	answerJSON(w, map[string]any{"count": len(token), "value": token})
}

func (i *issuer) fail(w http.ResponseWriter, r *http.Request) {
	n, err := strconv.Atoi(or(r.FormValue("n"), "1"))
	status, err2 := strconv.Atoi(or(r.FormValue("status"), "503"))
	if r.Method != http.MethodPost || err != nil || err2 != nil || n < 0 || status < 200 || status > 599 {
		http.Error(w, "want POST /control/fail?n=COUNT&status=200..599", http.StatusBadRequest)
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.failures, i.failStatus = n, status
	answerJSON(w, map[string]int{"n": n, "status": status, "answered_so_far": i.count})
}

func main() {
	listen := flag.String("listen", "127.0.0.1:8888", "address to listen on")
	url := flag.String("issuer", "", "issuer URL (default http://LISTEN)")
	lifetime := flag.Duration("lifetime", 10*time.Minute, "how long a token is good for, unless asked otherwise")
	flag.Parse()

	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatalf("cannot make a key: %v", err)
	}
	// The request token is a secret by its nature, so it is not a flag.
	i := &issuer{url: or(*url, "http://"+*listen), key: key, lifetime: *lifetime, bearer: os.Getenv("OIDC_REQUEST_TOKEN")}
	http.HandleFunc("/.well-known/openid-configuration", i.discovery)
	http.HandleFunc("/keys", i.keys)
	http.HandleFunc("/token", i.token)
	http.HandleFunc("/actions", i.actions)
	http.HandleFunc("/control/fail", i.fail)
	http.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	log.Fatal(http.ListenAndServe(*listen, nil))
}
