"""Models in SBML whose mean fields are known in closed form."""

import math

HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<sbml xmlns="http://www.sbml.org/sbml/level3/version2/core" level="3" version="2">
<model id="conversion">
"""


def conversion(size=1.0, local=False, event=None):
    """A and B turn into each other in a compartment; rates are those of concentrations, initial ones a0 and b0.

    `event`: a time at which A is set to 0.
    """
    rate = "k1" if not local else "k"
    locals_ = '<listOfLocalParameters><localParameter id="k" value="0.8"/></listOfLocalParameters>' if local else ""
    events = "" if event is None else f"""
<listOfEvents><event id="wash" useValuesFromTriggerTime="true"><trigger initialValue="false" persistent="true">
<math xmlns="http://www.w3.org/1998/Math/MathML"><apply><geq/><csymbol encoding="text"
 definitionURL="http://www.sbml.org/sbml/symbols/time">t</csymbol><cn>{event}</cn></apply></math></trigger>
<listOfEventAssignments><eventAssignment variable="A">
<math xmlns="http://www.w3.org/1998/Math/MathML"><cn>0</cn></math></eventAssignment></listOfEventAssignments>
</event></listOfEvents>"""

    def species(name, initial):
        return (f'<species id="{name}" compartment="cell" initialConcentration="0" hasOnlySubstanceUnits="false" '
                f'boundaryCondition="false" constant="false"/>',
                f'<initialAssignment symbol="{name}"><math xmlns="http://www.w3.org/1998/Math/MathML"><ci>{initial}</ci>'
                "</math></initialAssignment>")

    def reaction(name, source, target, rate, extra=""):
        return f"""<reaction id="{name}" reversible="false">
<listOfReactants><speciesReference species="{source}" stoichiometry="1" constant="true"/></listOfReactants>
<listOfProducts><speciesReference species="{target}" stoichiometry="1" constant="true"/></listOfProducts>
<kineticLaw><math xmlns="http://www.w3.org/1998/Math/MathML">
<apply><times/><ci>cell</ci><ci>{rate}</ci><ci>{source}</ci></apply></math>{extra}</kineticLaw></reaction>"""

    (a, initial_a), (b, initial_b) = species("A", "a0"), species("B", "b0")
    first = "" if local else '<parameter id="k1" value="0.1" constant="true"/>'
    return f"""{HEAD}<listOfCompartments><compartment id="cell" spatialDimensions="3" size="{size}" constant="false"/>
</listOfCompartments>
<listOfSpecies>{a}{b}</listOfSpecies>
<listOfParameters>{first}<parameter id="k2" value="0.1" constant="true"/>
<parameter id="a0" value="1" constant="true"/><parameter id="b0" value="0" constant="true"/></listOfParameters>
<listOfInitialAssignments>{initial_a}{initial_b}</listOfInitialAssignments>
<listOfReactions>{reaction("forth", "A", "B", rate, locals_)}{reaction("back", "B", "A", "k2")}</listOfReactions>
{events}
</model>
</sbml>
"""


def converted(a, b, k1, k2, time):
    """Concentrations of A and B after a time."""
    total, rate = a + b, k1 + k2
    steady = k2 * total / rate
    if math.isinf(time):
        return steady, total - steady
    now = steady + (a - steady) * math.exp(-rate * time)
    return now, total - now
