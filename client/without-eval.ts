import { z } from "zod";

// Before any schema is made: else zod tries whether it may compile one, and each page reports a
// violation of its Content-Security-Policy.
z.config({ jitless: true });
