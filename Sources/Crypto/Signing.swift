import CCrypto

/// Signatures: what proves to a server that we hold a key, without showing it.
package enum Signing {
  /// HMAC with SHA-256 (RFC 2104).
  package static func hmacSHA256(_ message: [UInt8], key: [UInt8]) -> [UInt8] {
    var code = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
    var count: UInt32 = 0
    HMAC(EVP_sha256(), key, Int32(key.count), message, message.count, &code, &count)
    return Array(code.prefix(Int(count)))
  }

  /// RS256 (RFC 7518, section 3.3): PKCS #1 v1.5 over SHA-256, with a private key in PEM form. `nil`
  /// where the text is no private key of that kind; a password is never asked for.
  package static func rs256(_ message: [UInt8], privateKey pem: [UInt8]) -> [UInt8]? {
    guard let memory = BIO_new_mem_buf(pem, Int32(pem.count)) else { return nil }
    defer { BIO_free(memory) }
    // Without this callback, OpenSSL asks on the terminal for the password of an encrypted key.
    let key = PEM_read_bio_PrivateKey(memory, nil, { _, _, _, _ in -1 }, nil)
    guard let key else { return nil }
    defer { EVP_PKEY_free(key) }
    guard EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA, let context = EVP_MD_CTX_new() else {
      return nil
    }
    defer { EVP_MD_CTX_free(context) }
    var count = Int(EVP_PKEY_get_size(key))
    var signature = [UInt8](repeating: 0, count: count)
    guard EVP_DigestSignInit(context, nil, EVP_sha256(), nil, key) == 1,
      EVP_DigestSign(context, &signature, &count, message, message.count) == 1
    else { return nil }
    return Array(signature.prefix(count))
  }
}

/// Bytes as text (RFC 4648).
package enum Base64 {
  /// The usual alphabet, with padding: checksums in headers and in JSON.
  package static func encode(_ bytes: [UInt8]) -> String {
    var text = [UInt8](repeating: 0, count: (bytes.count + 2) / 3 * 4 + 1)
    let count = EVP_EncodeBlock(&text, bytes, Int32(bytes.count))
    return String(decoding: text.prefix(Int(count)), as: UTF8.self)
  }

  /// The alphabet for URLs, without padding (RFC 7515, section 2): the parts of a signed token.
  package static func encodeForURL(_ bytes: [UInt8]) -> String {
    String(
      encode(bytes).compactMap {
        switch $0 {
        case "+": "-"
        case "/": "_"
        case "=": nil
        default: $0
        }
      })
  }

  /// The bytes behind padded text of the usual alphabet; `nil` for any other text.
  package static func decode(_ text: String) -> [UInt8]? {
    let input = Array(text.utf8)
    guard !input.contains(where: { $0 <= 0x20 }), input.count % 4 == 0 else { return nil }
    if input.isEmpty { return [] }
    var bytes = [UInt8](repeating: 0, count: input.count / 4 * 3)
    let count = EVP_DecodeBlock(&bytes, input, Int32(input.count))
    guard count >= 0 else { return nil }
    // EVP_DecodeBlock(3) counts the zeros that padding stands for as bytes.
    let padding = input.suffix(2).count { $0 == UInt8(ascii: "=") }
    let decoded = Array(bytes.prefix(Int(count) - padding))
    // It also takes more padding than there can be, and bits behind the last byte.
    return encode(decoded) == text ? decoded : nil
  }
}
