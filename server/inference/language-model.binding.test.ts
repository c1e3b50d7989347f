import { describeLanguageModel } from "./test-support/language-model-contract.ts";

describeLanguageModel("binding");
