// SPDX-License-Identifier: BSL-1.0
#include "support/test_certificates.hpp"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>
#include <stdexcept>

namespace tidings::test {

namespace {

constexpr long day = 24 * 60 * 60;

struct free_key {
    void operator()(EVP_PKEY* p) const noexcept { EVP_PKEY_free(p); }
};
struct free_x509 {
    void operator()(X509* p) const noexcept { X509_free(p); }
};
struct free_extension {
    void operator()(X509_EXTENSION* p) const noexcept { X509_EXTENSION_free(p); }
};
struct free_bio {
    void operator()(BIO* p) const noexcept { BIO_free(p); }
};
using key_ptr = std::unique_ptr<EVP_PKEY, free_key>;
using x509_ptr = std::unique_ptr<X509, free_x509>;

void require(bool good) {
    if (!good) throw std::runtime_error("OpenSSL could not make a test certificate");
}

template <class Write>
std::string pem(Write write) {
    const std::unique_ptr<BIO, free_bio> out(BIO_new(BIO_s_mem()));
    require(write(out.get()) == 1);
    char* text = nullptr;
    const long size = BIO_ctrl(out.get(), BIO_CTRL_INFO, 0, &text);
    return {text, static_cast<std::size_t>(size)};
}

void add_extension(X509* x, X509* issuer, int id, const char* value) {
    X509V3_CTX context{};
    X509V3_set_ctx(&context, issuer, x, nullptr, nullptr, 0);
    const std::unique_ptr<X509_EXTENSION, free_extension> extension(
        X509V3_EXT_conf_nid(nullptr, &context, id, value));
    require(extension && X509_add_ext(x, extension.get(), -1) == 1);
}

struct made {
    key_ptr key;
    x509_ptr x509;
    certificate text() const {
        return {pem([&](BIO* b) { return PEM_write_bio_X509(b, x509.get()); }), pem([&](BIO* b) {
                    return PEM_write_bio_PrivateKey(b, key.get(), nullptr, nullptr, 0, nullptr,
                                                    nullptr);
                })};
    }
};

/// Without `issuer`: a self-signed authority. Valid from two days ago to `until` from now.
made make(const char* name, const made* issuer, const char* alternative_names, long until,
          const char* usage = "serverAuth") {
    made m{key_ptr(EVP_EC_gen("P-256")), x509_ptr(X509_new())};
    X509* const x = m.x509.get();
    require(m.key && x != nullptr && X509_set_version(x, X509_VERSION_3) == 1);
    static long serial = 0;
    require(ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial) == 1);
    require(X509_gmtime_adj(X509_getm_notBefore(x), -2 * day) != nullptr);
    require(X509_gmtime_adj(X509_getm_notAfter(x), until) != nullptr);
    require(X509_set_pubkey(x, m.key.get()) == 1);
    const auto* text = reinterpret_cast<const unsigned char*>(name);
    require(X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8, text, -1, -1,
                                       0) == 1);
    X509* const by = issuer != nullptr ? issuer->x509.get() : x;
    require(X509_set_issuer_name(x, X509_get_subject_name(by)) == 1);
    if (issuer == nullptr) {
        add_extension(x, by, NID_basic_constraints, "critical,CA:TRUE");
        add_extension(x, by, NID_key_usage, "critical,keyCertSign,cRLSign");
        add_extension(x, by, NID_subject_key_identifier, "hash");
    } else {
        add_extension(x, by, NID_basic_constraints, "critical,CA:FALSE");
        add_extension(x, by, NID_ext_key_usage, usage);
        add_extension(x, by, NID_subject_alt_name, alternative_names);
    }
    EVP_PKEY* const signer = issuer != nullptr ? issuer->key.get() : m.key.get();
    require(X509_sign(x, signer, EVP_sha256()) != 0);
    return m;
}

test_certificates make_all() {
    const auto authority = make("tidings test authority", nullptr, nullptr, day);
    const auto stranger = make("tidings test stranger", nullptr, nullptr, day);
    const auto server = make("localhost", &authority, "DNS:localhost,IP:127.0.0.1,IP:::1", day);
    return {authority.text(),
            server.text(),
            make("other.example", &authority, "DNS:other.example", day).text(),
            make("localhost", &authority, "DNS:localhost,IP:127.0.0.1", -day).text(),
            make("client", &authority, "DNS:client.example", day, "clientAuth").text(),
            make("other client", &stranger, "DNS:client.example", day, "clientAuth").text(),
            stranger.text().certificate_pem,
            pem([&](BIO* b) {
                const auto* password = reinterpret_cast<const unsigned char*>("secret");
                return PEM_write_bio_PrivateKey(b, server.key.get(), EVP_aes_256_cbc(), password, 6,
                                                nullptr, nullptr);
            })};
}

}  // namespace

const test_certificates& certificates() {
    static const test_certificates all = make_all();
    return all;
}

}  // namespace tidings::test
