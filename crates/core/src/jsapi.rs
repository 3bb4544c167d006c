//! JSAPI: tickets, signatures and the object that a page gives to `dd.config`.
