//! Who the app is and who the person is: tokens, codes, consent, scopes.
