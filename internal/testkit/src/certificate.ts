// A self-signed certificate for localhost, peer.test, 127.0.0.1 and ::1, valid for a century. Its key is public: it proves
// nothing to anybody but a test that trusts it on purpose.

/** PEM texts. */
export const testCertificate = {
  cert: `-----BEGIN CERTIFICATE-----
MIIBvzCCAWagAwIBAgIUf2X0a1YgbPv4aY6iahM0qtxg7h8wCgYIKoZIzj0EAwIw
FzEVMBMGA1UEAwwMcGVlcm5ldCB0ZXN0MCAXDTI2MTEyNTIzMDk1NVoYDzIxMjYx
MTAxMjMwOTU1WjAXMRUwEwYDVQQDDAxwZWVybmV0IHRlc3QwWTATBgcqhkjOPQIB
BggqhkjOPQMBBwNCAATcJuUjJe6+LuBHksTxgNrafMNdlPiPi4CP2iLj3A0y7S13
lnsOGmEbicYg9Ic0Yl+2VTpfjRDbkIRFvH+Eft4jo4GNMIGKMB0GA1UdDgQWBBS8
pFzx14Te+AfNBJ+gdPmCPcvMYzAfBgNVHSMEGDAWgBS8pFzx14Te+AfNBJ+gdPmC
PcvMYzAPBgNVHRMBAf8EBTADAQH/MDcGA1UdEQQwMC6CCWxvY2FsaG9zdIIJcGVl
ci50ZXN0hwR/AAABhxAAAAAAAAAAAAAAAAAAAAABMAoGCCqGSM49BAMCA0cAMEQC
ICOV70R5uxkhLKE2rFRqtPK4VzR7zPhEEApYm6sg7gumAiAyxJHSFFldn3OHVodz
M85kbytlI6c0QooudhN8aC3oqg==
-----END CERTIFICATE-----`,
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg+kfKdlBJhHrxyK/u
ilGDDSeACmg3ZyBDDNmGFwVr+bOhRANCAATcJuUjJe6+LuBHksTxgNrafMNdlPiP
i4CP2iLj3A0y7S13lnsOGmEbicYg9Ic0Yl+2VTpfjRDbkIRFvH+Eft4j
-----END PRIVATE KEY-----`,
} as const;
