import { describeEngine } from "./test-support/create-engine-contract.ts";

describeEngine("binding");
