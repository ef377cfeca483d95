// PDF files, as small as they can be.

const ID = `<${'0a'.repeat(16)}>`;
/** What a file is locked with whose password nobody has. */
const LOCK = `<< /Filter /Standard /V 2 /R 3 /Length 128 /P -44 /O <${'1b'.repeat(32)}> /U <${'2c'.repeat(32)}> >>`;

/** A file with a page for each text; an empty text is a page as a scanner makes it. */
export function pdf(pages: string[], isLocked = false): Buffer {
  const kids = pages.map((_, n) => `${4 + 2 * n} 0 R`);
  const objects = [
    '<< /Type /Catalog /Pages 2 0 R >>',
    `<< /Type /Pages /Kids [${kids.join(' ')}] /Count ${pages.length} >>`,
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>',
    ...pages.flatMap(page),
    ...(isLocked ? [LOCK] : []),
  ];
  let file = '%PDF-1.4\n';
  const places = objects.map((object, n) => {
    const place = file.length;
    file += `${n + 1} 0 obj\n${object}\nendobj\n`;
    return `${String(place).padStart(10, '0')} 00000 n \n`;
  });
  const size = objects.length + 1;
  const table = `xref\n0 ${size}\n0000000000 65535 f \n${places.join('')}`;
  const locked = isLocked ? ` /ID [${ID} ${ID}] /Encrypt ${objects.length} 0 R` : '';
  const trailer = `trailer\n<< /Size ${size} /Root 1 0 R${locked} >>\nstartxref\n${file.length}\n%%EOF\n`;
  return Buffer.from(file + table + trailer, 'latin1');
}

function page(text: string, n: number): string[] {
  const content = text && `BT /F1 12 Tf 72 720 Td (${text}) Tj ET`;
  return [
    `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents ${5 + 2 * n} 0 R /Resources << /Font << /F1 3 0 R >> >> >>`,
    `<< /Length ${content.length} >>\nstream\n${content}\nendstream`,
  ];
}
