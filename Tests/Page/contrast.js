// Returns what text has too little contrast: WCAG 2's ratio of its color to the color below it, of all visible text.
(() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const parse = text => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = text;
    canvas.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = canvas.getImageData(0, 0, 1, 1).data;
    return [red, green, blue, alpha / 255];
  };
  const over = (top, below) => [0, 1, 2].map(channel => top[channel] * top[3] + below[channel] * (1 - top[3])).concat(1);
  const luminance = color => {
    const [red, green, blue] = color.map(value => value / 255).map(value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const below = element => {
    const layers = [];
    for (let each = element; each; each = each.parentElement) {
      layers.push(parse(getComputedStyle(each).backgroundColor));
      if (layers.at(-1)[3] === 1 || each.tagName === 'DIALOG') break;
    }
    return layers.reverse().reduce((color, layer) => over(layer, color), parse(getComputedStyle(document.body).backgroundColor));
  };
  const found = [];
  let looked = 0;
  const look = (element, color, text) => {
    const paper = below(element), ink = over(parse(color), paper);
    const [high, low] = [luminance(ink), luminance(paper)].sort((a, b) => b - a), ratio = (high + 0.05) / (low + 0.05);
    looked += 1;
    if (ratio < 4.5) found.push(`${ratio.toFixed(2)}: ${text.trim().slice(0, 40)} (${element.tagName} ${element.className})`);
  };
  const walker = document.createTreeWalker(document.querySelector('dialog[open]') ?? document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode, element = node.parentElement;
    if (!node.data.trim() || /^(SCRIPT|STYLE|OPTION)$/.test(element.tagName) || !element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
    look(element, getComputedStyle(element).color, node.data);
  }
  for (const field of document.querySelectorAll('input, textarea, select')) {
    if (!field.checkVisibility()) continue;
    look(field, getComputedStyle(field).color, field.value || 'field');
    if (field.placeholder) look(field, getComputedStyle(field, '::placeholder').color, field.placeholder);
  }
  return { looked, found };
})()
