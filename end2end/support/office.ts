// Texts, slides, sheets and books as office programs write them, as small as they can be.

import { deflateRawSync } from 'node:zlib';

interface Entry {
  name: string;
  text: string;
}

const CONTENT_TYPES: Entry = { name: '[Content_Types].xml', text: '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>' };
const RELATIONSHIPS = 'http://schemas.openxmlformats.org/package/2006/relationships';
const OFFICE = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';
const SPREADSHEET = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main';

/** A text of Word's with a page for each of `pages`: its heading and what is below it. */
export function docx(pages: [heading: string, text: string][]): Buffer {
  const body = pages.map(([heading, text], n) => {
    const turned = n === 0 ? '' : '<w:lastRenderedPageBreak/>';
    return (
      `<w:p><w:pPr><w:pStyle w:val="Heading1"/></w:pPr><w:r>${turned}<w:t>${heading}</w:t></w:r></w:p>` +
      `<w:p><w:r><w:t>${text}</w:t></w:r></w:p>`
    );
  });
  const document = `<w:document xmlns:w="w"><w:body>${body.join('')}</w:body></w:document>`;
  return zip([CONTENT_TYPES, { name: 'word/document.xml', text: document }]);
}

/** Slides with a title and a text each. */
export function pptx(slides: [title: string, text: string][]): Buffer {
  const ids = slides.map((_, n) => `<p:sldId id="${256 + n}" r:id="rId${n}"/>`);
  const relations = slides.map((_, n) => `<Relationship Id="rId${n}" Target="slides/slide${n}.xml"/>`);
  const shape = (kind: string, text: string) =>
    `<p:sp><p:nvSpPr><p:nvPr><p:ph type="${kind}"/></p:nvPr></p:nvSpPr>` +
    `<p:txBody><a:p><a:r><a:t>${text}</a:t></a:r></a:p></p:txBody></p:sp>`;
  return zip([
    CONTENT_TYPES,
    {
      name: 'ppt/presentation.xml',
      text: `<p:presentation xmlns:p="p" xmlns:r="r"><p:sldIdLst>${ids.join('')}</p:sldIdLst></p:presentation>`,
    },
    { name: 'ppt/_rels/presentation.xml.rels', text: `<Relationships>${relations.join('')}</Relationships>` },
    ...slides.map(([title, text], n) => ({
      name: `ppt/slides/slide${n}.xml`,
      text: `<p:sld xmlns:p="p" xmlns:a="a">${shape('title', title)}${shape('body', text)}</p:sld>`,
    })),
  ]);
}

export interface Sheet {
  name: string;
  rows: string[][];
}

/** A workbook of Excel's. */
export function xlsx(sheets: Sheet[]): Buffer {
  const names = sheets.map(({ name }, n) => `<sheet name="${name}" sheetId="${n + 1}" r:id="rId${n}"/>`);
  const relations = sheets.map((_, n) => relation(`rId${n}`, 'worksheet', `worksheets/sheet${n}.xml`));
  return zip([
    CONTENT_TYPES,
    { name: '_rels/.rels', text: related([relation('rId0', 'officeDocument', 'xl/workbook.xml')]) },
    {
      name: 'xl/workbook.xml',
      text: `<workbook xmlns="${SPREADSHEET}" xmlns:r="${OFFICE}"><sheets>${names.join('')}</sheets></workbook>`,
    },
    { name: 'xl/_rels/workbook.xml.rels', text: related(relations) },
    ...sheets.map(({ rows }, n) => ({
      name: `xl/worksheets/sheet${n}.xml`,
      text: `<worksheet xmlns="${SPREADSHEET}"><sheetData>${rows.map(row).join('')}</sheetData></worksheet>`,
    })),
  ]);
}

function row(cells: string[], n: number): string {
  const cell = (text: string, column: number) =>
    `<c r="${String.fromCharCode(65 + column)}${n + 1}" t="inlineStr"><is><t>${text}</t></is></c>`;
  return `<row r="${n + 1}">${cells.map(cell).join('')}</row>`;
}

function relation(id: string, kind: string, target: string): string {
  return `<Relationship Id="${id}" Type="${OFFICE}/${kind}" Target="${target}"/>`;
}

function related(relations: string[]): string {
  return `<Relationships xmlns="${RELATIONSHIPS}">${relations.join('')}</Relationships>`;
}

/** A workbook of LibreOffice's. */
export function ods(sheets: Sheet[]): Buffer {
  const cell = (text: string) =>
    `<table:table-cell office:value-type="string"><text:p>${text}</text:p></table:table-cell>`;
  const tables = sheets.map(({ name, rows }) => {
    const lines = rows.map(cells => `<table:table-row>${cells.map(cell).join('')}</table:table-row>`);
    return `<table:table table:name="${name}">${lines.join('')}</table:table>`;
  });
  const content =
    '<office:document-content xmlns:office="o" xmlns:table="a" xmlns:text="t">' +
    `<office:body><office:spreadsheet>${tables.join('')}</office:spreadsheet></office:body></office:document-content>`;
  return zip([
    { name: 'mimetype', text: 'application/vnd.oasis.opendocument.spreadsheet' },
    { name: 'META-INF/manifest.xml', text: '<manifest:manifest xmlns:manifest="m"/>' },
    { name: 'content.xml', text: content },
  ]);
}

/** A book of these chapters, which are HTML. */
export function epub(chapters: string[]): Buffer {
  const items = chapters.map((_, n) => `<item id="c${n}" href="${n}.xhtml" media-type="application/xhtml+xml"/>`);
  const spine = chapters.map((_, n) => `<itemref idref="c${n}"/>`);
  return zip([
    { name: 'mimetype', text: 'application/epub+zip' },
    {
      name: 'META-INF/container.xml',
      text: '<container><rootfiles><rootfile full-path="book/content.opf"/></rootfiles></container>',
    },
    {
      name: 'book/content.opf',
      text: `<package><manifest>${items.join('')}</manifest><spine>${spine.join('')}</spine></package>`,
    },
    ...chapters.map((text, n) => ({ name: `book/${n}.xhtml`, text })),
  ]);
}

/** A text of Word's that is small and becomes so many bytes when it is unpacked. */
export function bomb(size: number): Buffer {
  const data = deflateRawSync(Buffer.alloc(size));
  // Whoever takes the time to compute the sum has unpacked too much already.
  return archive([{ name: 'word/document.xml', data, method: 8, size, sum: 0 }]);
}

/** An archive of these files, none of which is compressed. */
function zip(entries: Entry[]): Buffer {
  const member = ({ name, text }: Entry) => {
    const data = Buffer.from(text);
    return { name, data, method: 0, size: data.length, sum: crc32(data) };
  };
  return archive(entries.map(member));
}

interface Member {
  name: string;
  data: Buffer;
  /** 0 is as it is, 8 is compressed. */
  method: number;
  /** How many bytes it becomes. */
  size: number;
  sum: number;
}

function archive(members: Member[]): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const { name, data, method, size, sum } of members) {
    const path = Buffer.from(name);
    // Version, flags, method, time and date, check sum, both sizes, and the lengths of the name and of nothing else.
    const described = Buffer.concat([
      ...[20, 0, method, 0, 0x21].map(short),
      ...[sum, data.length, size].map(long),
      ...[path.length, 0].map(short),
    ]);
    parts.push(Buffer.from('PK\x03\x04', 'latin1'), described, path, data);
    const place = Buffer.concat([...[0, 0, 0].map(short), long(0), long(at)]);
    directory.push(Buffer.from('PK\x01\x02', 'latin1'), short(20), described, place, path);
    at += 4 + described.length + path.length + data.length;
  }
  const listed = Buffer.concat(directory);
  const n = members.length;
  const end = Buffer.concat([...[0, 0, n, n].map(short), ...[listed.length, at].map(long), short(0)]);
  return Buffer.concat([...parts, listed, Buffer.from('PK\x05\x06', 'latin1'), end]);
}

function short(n: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(n);
  return bytes;
}

function long(n: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(n);
  return bytes;
}

function crc32(data: Buffer): number {
  let sum = ~0;
  for (const byte of data) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit += 1) {
      sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0);
    }
  }
  return ~sum >>> 0;
}
