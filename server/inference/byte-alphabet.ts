/**
 * The 256 characters that byte-level BPE writes bytes with (GPT-2's bytes_to_unicode): printable
 * bytes stand for themselves, the others for the characters from U+0100 on.
 */
const byteOfCharacter: ReadonlyMap<string, number> = new Map(
  Array.from({ length: 256 }, (_, byte): [string, number] => [characterOf(byte), byte]),
);

function characterOf(byte: number): string {
  return String.fromCharCode(isPrintable(byte) ? byte : 0x100 + countHidden(byte));
}

function isPrintable(byte: number): boolean {
  return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xff && byte !== 0xad);
}

function countHidden(below: number): number {
  let count = 0;
  for (let byte = 0; byte < below; byte++) if (!isPrintable(byte)) count++;
  return count;
}

/** The bytes that a token of a byte-level vocabulary stands for. */
export function bytesOfToken(token: string): Uint8Array {
  return Uint8Array.from(token, (character) => {
    const byte = byteOfCharacter.get(character);
    if (byte === undefined) throw new Error(`"${character}" is no byte-level character.`);
    return byte;
  });
}
