"""Thousands of signatures in a moment: libcrypto itself, where a process of
openssl for each would take longer than what is tested."""
import ctypes
import ctypes.util

crypto = ctypes.CDLL(ctypes.util.find_library("crypto"))
pointer, size = ctypes.c_void_p, ctypes.c_size_t
for name, result, arguments in (
        ("BIO_new_mem_buf", pointer, (ctypes.c_char_p, ctypes.c_int)),
        ("BIO_free", ctypes.c_int, (pointer,)),
        ("PEM_read_bio_PrivateKey", pointer, (pointer, pointer, pointer, pointer)),
        ("EVP_PKEY_free", None, (pointer,)),
        ("EVP_MD_CTX_new", pointer, ()),
        ("EVP_MD_CTX_free", None, (pointer,)),
        ("EVP_sha256", pointer, ()),
        ("EVP_DigestSignInit", ctypes.c_int, (pointer, pointer, pointer, pointer, pointer)),
        ("EVP_DigestSign", ctypes.c_int, (pointer, ctypes.c_char_p, ctypes.POINTER(size), ctypes.c_char_p, size))):
    function = getattr(crypto, name)
    function.restype, function.argtypes = result, arguments


class Key:
    def __init__(self, path):
        with open(path, "rb") as f:
            pem = f.read()
        bio = crypto.BIO_new_mem_buf(pem, len(pem))
        self.key = crypto.PEM_read_bio_PrivateKey(bio, None, None, None)
        crypto.BIO_free(bio)
        if not self.key:
            raise AssertionError(f"no private key in {path}")

    def sign(self, data):
        """SHA-256 and ECDSA, as ASN.1."""
        context = crypto.EVP_MD_CTX_new()
        out, n = ctypes.create_string_buffer(256), size(256)
        good = crypto.EVP_DigestSignInit(context, None, crypto.EVP_sha256(), None, self.key) == 1 and \
            crypto.EVP_DigestSign(context, out, ctypes.byref(n), data, len(data)) == 1
        crypto.EVP_MD_CTX_free(context)
        if not good:
            raise AssertionError("libcrypto cannot sign")
        return out.raw[:n.value]

    def close(self):
        crypto.EVP_PKEY_free(self.key)
