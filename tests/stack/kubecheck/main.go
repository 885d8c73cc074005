// kubecheck reads Kubernetes manifests as Kubernetes itself does, and strictly:
// an unknown kind, an unknown field, or a value of the wrong type is an error.
//
//	kubecheck FILE...     "-" is standard input; a file may hold several documents
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
)

func check(decoder runtime.Decoder, in io.Reader) (int, error) {
	documents := utilyaml.NewYAMLReader(bufio.NewReader(in))
	for n := 0; ; {
		text, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		json, err := utilyaml.ToJSON(text)
		if err != nil {
			return n, err
		}
		if string(json) == "null" {
			continue
		}
		_, kind, err := decoder.Decode(json, nil, nil)
		if err != nil {
			return n, err
		}
		fmt.Println("ok -", kind)
		n++
	}
}

func run() error {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{appsv1.AddToScheme, batchv1.AddToScheme,
		corev1.AddToScheme, networkingv1.AddToScheme, policyv1.AddToScheme} {
		if err := add(scheme); err != nil {
			return err
		}
	}
	decoder := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
	for _, path := range os.Args[1:] {
		in := os.Stdin
		if path != "-" {
			f, err := os.Open(path)
			if err != nil {
				return err
			}
			defer f.Close()
			in = f
		}
		n, err := check(decoder, in)
		if err == nil && n == 0 {
			err = errors.New("no manifest in it")
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "kubecheck:", err)
		os.Exit(1)
	}
}
