/**
 * Whether a text is well-formed XML of the plain kind: elements, attributes, text, entities that every parser knows.
 * Runs on: the test process. A real parser reads the same in test/browser.
 */

const name = '[A-Za-z_][\\w.-]*'
const plain = '(?:[^<&"\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\ufffe\\uffff]|&(?:amp|lt|gt|quot|#\\d+);)'
const token = new RegExp(`<(/?)(${name})((?:\\s+${name}="${plain}*")*)\\s*(/?)>|(${plain}|")+`, 'y')

/** The elements with their attributes, in order. Throws where it is not well-formed. */
export function elementsOf(xml: string): { name: string; attributes: Record<string, string> }[] {
  const body = xml.replace(/^<\?xml version="1\.0" encoding="UTF-8"\?>\n/, '')
  const open: string[] = []
  const found: { name: string; attributes: Record<string, string> }[] = []
  token.lastIndex = 0
  while (token.lastIndex < body.length) {
    const at = token.lastIndex
    const match = token.exec(body)
    if (match === null) throw new Error(`not well-formed at ${at}: ${JSON.stringify(body.slice(at, at + 60))}`)
    const [, isEnd, element, attributes = '', isEmpty] = match
    if (element === undefined) continue
    if (isEnd === '/') {
      if (open.pop() !== element) throw new Error(`</${element}> closes what is not open`)
      continue
    }
    found.push({ name: element, attributes: attributesOf(attributes) })
    if (isEmpty !== '/') open.push(element)
  }
  if (open.length > 0) throw new Error(`<${open.join('><')}> is not closed`)
  return found
}

function attributesOf(text: string): Record<string, string> {
  const attributes: Record<string, string> = {}
  for (const [, key, value] of text.matchAll(new RegExp(`(${name})="([^"]*)"`, 'g'))) {
    if (key! in attributes) throw new Error(`${key} stands twice`)
    attributes[key!] = value!.replace(/&(amp|lt|gt|quot|#\d+);/g, (_, entity: string) => {
      if (entity.startsWith('#')) return String.fromCodePoint(Number(entity.slice(1)))
      return { amp: '&', lt: '<', gt: '>', quot: '"' }[entity]!
    })
  }
  return attributes
}
