/**
 * How the page looks: light and dark as the reader's system is, wide and narrow, and on paper.
 * Runs on: main. Touches: nothing.
 */

/** Eight that differ in lightness too, so that they can be told apart without their hues (after Okabe and Ito). */
const lightRuns = ['#0b5cad', '#d0570b', '#0a8f6c', '#a13d8a', '#7a6a00', '#2b93d6', '#8a3b12', '#5b5bd0']
const darkRuns = ['#5aa9ff', '#ff9d57', '#3fd6a8', '#f08fd6', '#e2d04f', '#9cd3ff', '#e3a08a', '#b3aeff']

export const runColours = lightRuns.length

const variables = (colours: readonly string[]) => colours.map((colour, at) => `--run${at + 1}:${colour}`).join(';')
const runClasses = lightRuns.map((_, at) => `.run${at + 1}{--c:var(--run${at + 1})}`).join('\n')

const light = `--page:#f6f7f9;--card:#fff;--text:#16202b;--soft:#5a6673;--rule:#dfe4ea;--grid:#e9edf1;--good:#0d7a3f;
--good-back:#e3f5ea;--bad:#c01f2e;--bad-back:#fdeaec;--doubt:#8a5a00;--doubt-back:#fff3d9;--link:#0b5cad;--late:#8b95a1;
${variables(lightRuns)}`
const dark = `--page:#0f1419;--card:#171e26;--text:#e6ebf0;--soft:#9aa7b4;--rule:#2b3540;--grid:#222b35;--good:#4bd18a;
--good-back:#12311f;--bad:#ff7a85;--bad-back:#3b1a1e;--doubt:#f0bf5b;--doubt-back:#36290f;--link:#7ab8ff;--late:#7d8894;
${variables(darkRuns)}`

export const style = `
:root{color-scheme:light dark;${light}}
@media (prefers-color-scheme:dark){:root{${dark}}}
*{box-sizing:border-box}
body{margin:0;overflow-wrap:anywhere;background:var(--page);color:var(--text);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;
font-variant-numeric:tabular-nums;-webkit-text-size-adjust:100%}
main,header,footer{max-width:1120px;margin:0 auto;padding:0 20px}
header{padding-top:32px}
h1{font-size:26px;line-height:1.25;margin:0 0 4px;overflow-wrap:anywhere}
h2{font-size:20px;line-height:1.3;margin:0 0 2px;overflow-wrap:anywhere}
h3{font-size:14px;margin:0 0 6px;font-weight:650}
p{margin:0 0 8px}
a{color:var(--link)}
.soft,figcaption,.facts{color:var(--soft)}
.facts{font-size:13.5px;overflow-wrap:anywhere}
.card{background:var(--card);border:1px solid var(--rule);border-radius:10px;padding:18px 20px;margin:16px 0}
.outcome{display:flex;gap:14px;align-items:center;border-radius:10px;padding:14px 18px;margin:18px 0 8px;
font-size:17px;
font-weight:650}
.outcome svg{width:28px;height:28px;flex:none}
.outcome p{margin:0}
.outcome .more{font-size:13.5px;font-weight:400}
.outcome.good{background:var(--good-back);color:var(--good)}
.outcome.bad{background:var(--bad-back);color:var(--bad)}
.notes{padding:0;margin:8px 0;list-style:none}
.note,.notes.note{background:var(--doubt-back);color:var(--doubt);border-radius:8px;padding:9px 14px;margin:8px 0;
font-size:14px}
.pill{display:inline-block;border-radius:99px;padding:0 9px;font-size:13px;font-weight:600;white-space:nowrap}
.pill.good{background:var(--good-back);color:var(--good)}
.pill.bad{background:var(--bad-back);color:var(--bad)}
.pill.doubt{background:var(--doubt-back);color:var(--doubt)}
table{border-collapse:collapse;width:100%;font-size:14px}
th{text-align:left;font-weight:600;color:var(--soft);font-size:12.5px;vertical-align:bottom}
th,td{padding:6px 10px 6px 0;border-bottom:1px solid var(--rule)}
tr:last-child td{border-bottom:0}
td.n,th.n{text-align:right;white-space:nowrap;overflow-wrap:normal}
td:last-child,th:last-child{padding-right:0}
tbody th{color:var(--text);font-size:14px;font-weight:500;vertical-align:middle}
tr.group th{padding-top:14px;font-weight:650}
.wide{overflow-x:auto}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(136px,1fr));gap:10px;margin:14px 0 4px}
.tile{border:1px solid var(--rule);border-radius:8px;padding:8px 12px}
.tile b{display:block;font-size:19px;line-height:1.3;font-weight:650;white-space:nowrap}
.tile span{display:block;font-size:12.5px;color:var(--soft)}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,430px),1fr));gap:18px 26px;
margin-top:18px;grid-auto-flow:dense}
figure{margin:0;min-width:0}
figure.tall{grid-row:span 2}
.reason,.stated{display:block;font-size:12.5px;font-weight:400;color:var(--soft);white-space:normal}
.objectives tbody th{min-width:150px}
figcaption{font-size:12.5px;margin-bottom:4px}
figure svg{display:block;width:100%;height:auto;overflow:visible}
.grid{stroke:var(--grid);stroke-width:1}
.tick,.axis{fill:var(--soft);font-size:11.5px;font-family:inherit}
.line{fill:none;stroke:var(--c);stroke-width:1.8;stroke-linejoin:round;stroke-linecap:round}
.dot{fill:var(--c)}
.dashed{stroke-dasharray:5 4}
.faint{opacity:.55;stroke-width:1.3}
.late{--c:var(--late)}
.hint{fill:transparent}
.hint:hover{fill:var(--c);fill-opacity:.35}
.mark path{fill:none;stroke-width:3;stroke:var(--m)}
.mark .stand{stroke-width:1.5}
.mark.good{--m:var(--good)}.mark.bad{--m:var(--bad)}
${runClasses}
.legend{display:flex;flex-wrap:wrap;gap:4px 16px;font-size:13px;margin:14px 0 0;padding:0;list-style:none;
color:var(--soft)}
.legend i{display:inline-block;width:18px;height:0;border-top:3px solid var(--c);margin-right:6px;
vertical-align:middle}
.legend i.dashed{border-top-style:dashed}
.bullet{width:150px;height:20px;display:block}
.bullet .good-side{fill:var(--good);opacity:.14}
.bullet .base{stroke:var(--rule);stroke-width:1}
.bullet .range{stroke:var(--v);stroke-width:3;stroke-linecap:round;opacity:.45}
.bullet .value{fill:var(--v)}
.bullet .bound{stroke:var(--text);stroke-width:2}
.bullet.good{--v:var(--good)}.bullet.bad{--v:var(--bad)}
details{margin-top:10px;font-size:14px}
summary{cursor:pointer;color:var(--link);width:max-content;max-width:100%}
details .wide{margin-top:6px;max-height:420px;overflow:auto}
footer{padding-bottom:40px;color:var(--soft);font-size:13px}
code{font:12.5px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere}
@media (max-width:640px){
main,header,footer{padding:0 12px}
header{padding-top:20px}
h1{font-size:22px}
.card{padding:14px}
.tick,.axis{font-size:15px}
.objectives thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.objectives,.objectives tbody,.objectives tr,.objectives td,.objectives th{display:block}
.objectives tr{padding:9px 0;border-bottom:1px solid var(--rule);display:flex;flex-wrap:wrap;gap:2px 12px;
align-items:center}
.objectives tr.group{border:0;padding-bottom:0}
.objectives td,.objectives th{border:0;padding:0;text-align:left}
.objectives tbody th{flex:1 1 62%}
.objectives td{order:2}
.objectives td:last-child{order:1;margin-left:auto}
.objectives .stated{display:inline;margin-left:6px}
.objectives td[data-name]:not(:empty)::before{content:attr(data-name) " ";color:var(--soft);font-size:12.5px}
}
@media print{body{background:#fff}.card{break-inside:avoid}details{display:none}}
`
