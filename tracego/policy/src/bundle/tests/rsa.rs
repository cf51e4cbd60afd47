//! An RSA key of 2048 bits in base64, made only for these tests, because ring cannot generate one.

/// Private key in PKCS #8.
pub(super) const PRIVATE: &str = "\
    MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQCEL7bfAkg5k4VtFgVd/7A9C7cPrBDrNchyujdMNNCyuyvc+iXG\
    x2HZP2eVfMyKcbD0E0Bf6w/g9Vzsnko+7qa0T39AYDpqPGZbI5Y8f8JomWyiroAlHQJDcCnoutZ8vfwDRG3gj3EYDfD8MEzL80xN\
    v9bM+L1euperIpESPTNP44u/9IQmeR/kCNPNFfMr85Tsjd5Xrha5XB6zRqD+t99Vwd/vetUjfxYaZch/I/a4wuKVmFxFcdauqCA0\
    pUvvfLwcXAHQ1VSfy5PVMpB04bU7JnShmgm3BXty8rezqoItmDg5kuysQmTIWwUNthHH4pwiMgw8YcuiIDB93oJvyUJHAgMBAAEC\
    ggEACV8yqXwJb9+YMaRCjCgRMDrQ51ENQAfnps6yFfqWo11m3jt0CzReqR74Mp6PB+/Imn107ngFf68VwAb2/6A+/IC4ZnGMIrUW\
    krais7ZhK7ZY/+28UyVL4EknB4Obqmtz3y1uVuIEpC503AR2pW0iB08nJRArqPg0waLpQzBIn4zJ6XnXxzoAOLX0mcR/9KPh+m90\
    /7Mw3zfx5z9/dRCMXJPzM4aEqGGzNJjbDnrFQ9qjRoZjkbu6qWq3bNTtEp+FmWmpxkwkE6MXb9/2ygpJUmn7mySnEw4D9r1IOB0w\
    Ts/+qB7H6GSnyJ4m/lYvnZgIaKP9+CYv8ls7z+KCDpfoxQKBgQC4Tp7HxrU961Rhcrq7zWogljsOkLEWNpGUI95CRC3AwL/LS4FC\
    M5tzKVJ8C8OJ/3wM5p5NmM8bMMIvyu+4eO4us9uFbaCwCGKbe+BcfvycuZXx4aVn+nqDcb8XN6/R/wp88hMkWdhyEIjDJYnFX/od\
    5drAIDMCeDIEzKsR24nT5QKBgQC3muPlJAbMeQMM6Qwkb7U/pgzC/I7Vyh8+U0bVUVW6W1yBCrAYKbEjDJ6gQnYsgN1R+CloD0Rq\
    Rfu13yAboNZURy6vyyW/IczMcJqzAoj77Z3z76BS92g67m2d7Zc304UHOMO9rdA5ASgW9fbp728sWsldrXzgxQqCBRflNcnyuwKB\
    gQCsw0WjDmil+gnGrrzLfemVUj1ZkdftcolTy6tzgmVA4WznK4emfqmgcYOYM46/tHSbwzFwm2THoBTmp9u9l93seTu0/uY5HCMS\
    jDPrgD1ay7v6WAGsTea5f84X/WMZ/W/fXysCUBXMFiOciXtzQFw72lIK9iPalMCOLyvMOXYg4QKBgBdInjP10KLnibp+Z1rLi8mp\
    jh7AFoEII9QsjWQJ73w1j9KRf2lhCCSwugEKzJ+yK970QJQAs6VigJw80n6Oc/+2EzaZ5YyKhcU7VnLzFFoWdRx1O/iphV9L0zze\
    33ll6o3S5gfM3gYMnn/i61AZXBjc3oJxuM9sTXvVl4UqwBR3AoGADQVOMGG1WJQAfsxa3k4XMl4sS7FKOfneb6nGTfEQbaabk3uN\
    STlVQ4akbCdxwYtbjIBYnuTunfz5XaaAAFfOzN7p+p8xnNOZtJUvFdkhriH2FEO7Q0z4p8ZQ4RRr7cX2oWnmzi/KFjAEBlb+vm7L\
    aZyWrlr19mC/I+uAS+0YudU=\
";

/// Public key as a SubjectPublicKeyInfo.
pub(super) const PUBLIC: &str = "\
    MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAhC+23wJIOZOFbRYFXf+wPQu3D6wQ6zXIcro3TDTQsrsr3Polxsdh2T9n\
    lXzMinGw9BNAX+sP4PVc7J5KPu6mtE9/QGA6ajxmWyOWPH/CaJlsoq6AJR0CQ3Ap6LrWfL38A0Rt4I9xGA3w/DBMy/NMTb/WzPi9\
    XrqXqyKREj0zT+OLv/SEJnkf5AjTzRXzK/OU7I3eV64WuVwes0ag/rffVcHf73rVI38WGmXIfyP2uMLilZhcRXHWrqggNKVL73y8\
    HFwB0NVUn8uT1TKQdOG1OyZ0oZoJtwV7cvK3s6qCLZg4OZLsrEJkyFsFDbYRx+KcIjIMPGHLoiAwfd6Cb8lCRwIDAQAB\
";
